"""The steps of `gpu_session.py`, which explains them."""
