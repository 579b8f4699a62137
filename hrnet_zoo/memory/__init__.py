"""What training and inference take of memory."""
