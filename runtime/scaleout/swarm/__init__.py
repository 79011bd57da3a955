"""Docker Swarm: a project → the dialect of stack files (pure) → objects of the Engine API (pure) → the engine, and what becomes of it.

Project ─dialect.py─▶ stack file ─objects.py, specs.py─▶ what is asked of the engine ─deploying.py─▶ ─verdict.py─▶ converged, or why not
"""
