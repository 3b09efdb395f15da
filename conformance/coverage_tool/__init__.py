"""How much of conformance/requirements/ is shown by tests. Modules in reading order:

catalogue (the rows), statuses (why a row has no test), results (what ran), verdicts (the three
put together), sources (which standard a row comes from), report (what is printed), cli.
"""
