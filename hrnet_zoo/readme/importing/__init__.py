"""Rows of a README or of an OpenMMLab metafile as entries of a manifest; nothing is guessed."""
