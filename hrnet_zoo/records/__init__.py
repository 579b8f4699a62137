"""What runs leave behind: records and journals as files, their migrations, and which run counts."""
