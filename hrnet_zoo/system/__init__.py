"""What the machine, its files and its terminal are asked."""
