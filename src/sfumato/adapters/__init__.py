"""What is hung on a network from outside: small files that change how it draws, and undo themselves.

A network never knows (law 3). ``deltas.py`` says what an adapter does to one leaf, ``attach.py`` hangs it
there and takes it off again, ``lora.py`` reads the files.
"""
