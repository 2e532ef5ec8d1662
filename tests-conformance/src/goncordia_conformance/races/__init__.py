"""Real concurrency against the store, through the contract alone.

Each race is many tasks that meet at one place; what may have happened is judged at the end, when
all of them are through. They start some turns of the event loop apart, so that they do not run in
step. A race is a case of its noun with `part="race"`.
"""
