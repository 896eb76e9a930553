"""From sources to the store: catalogue, archive, workers, one run, and the runner that decides when."""
