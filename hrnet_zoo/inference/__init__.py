"""How a network is applied to one image: the documented test protocols."""
