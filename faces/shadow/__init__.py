"""Trying other distances or another model in the shadow: nothing that people see changes before somebody accepts it.

`distances` says how near is near, `difference` (pure) what two runs disagree about, `previews` who waits for which, and
`computing` makes them. `spares` and `embedding` look at faces with another model; `drawn` does so for those that people
drew. `accepting` and `rules` put in place what was tried. `page` and `changes` narrow it all to what the viewer sees.
"""
