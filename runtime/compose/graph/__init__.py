"""What is to run, and what is there → steps, each with those that come before it. Pure.

model.py    a step, what is there
planning.py a plan while it is made
upward.py   ``up``: what is made, made anew, started
downward.py ``down``, ``stop``, ``restart``: what is stopped and removed
"""
