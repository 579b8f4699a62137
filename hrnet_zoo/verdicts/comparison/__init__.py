"""What became better or worse between two sets of records, and how sure one can be of it.

``compare.py`` is the way in. Records of accuracy are compared in ``accuracy.py``, latencies in
``latency.py``; every limit stands with its reason beside the test that it belongs to.
"""
