"""The agent: a node of the mesh without Home Assistant, run from the command line.

One process owns a state directory at a time (store.py) and answers the others over a Unix socket
(control.py); ``infrafabric agent …`` asks the owner, or becomes it for as long as it takes
(reach.py). What can be asked is in operations.py.
"""
