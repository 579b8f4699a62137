"""From a link to a network with weights."""
