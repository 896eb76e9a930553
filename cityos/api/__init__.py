"""The doors: one route file per noun. A route parses, asks one function and answers; it holds no rule of the city."""
