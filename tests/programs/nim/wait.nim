import os

while true:
  sleep(1000)
