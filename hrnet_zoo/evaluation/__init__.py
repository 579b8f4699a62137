"""The loops over a data set's images, one per task; decoding runs ahead of the network."""
