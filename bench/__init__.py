"""How fast, how big: measured on this machine, one file per figure. `python -m bench [name ...]`."""
