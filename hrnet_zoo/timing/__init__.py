"""Speed of networks: variants, latencies in turns, agreement, and what limits them."""
