"""Whether documented fps agree with each other, given how long the rows take on another machine.

Seconds cannot be compared across machines, but tables can: if a documented number fits the others
after allowing for what may differ between two machines, it is consistent; `machine.py` says what
may differ, `judging.py` how a row is judged and how often wrongly.
"""
