"""Files by the hundred thousand, made from the corpus by mutation and from nothing by chance, held against oracles.

`make fuzz` runs it; each file is made from the seed and its number alone, so that one can be made again.
"""
