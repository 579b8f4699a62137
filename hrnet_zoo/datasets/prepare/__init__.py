"""Making evaluation-ready files from official downloads; a data set's file says which."""
