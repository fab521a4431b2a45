"""Other people's servers against our adapters: `./quitt test --peers`, never without being asked.

Each runs as a process of its own on 127.0.0.1, from a cache folder outside of this one; none is a
dependency of ours. Needs npm and a way to the package indexes for the first time.
"""
