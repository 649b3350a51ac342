"""Computer vision without Django: what models exist, how they run, how a picture becomes pixels and objects.

Pure Python, numpy, OpenCV, Pillow and onnxruntime; usable from a REPL. Imports nothing of ours outside itself.
"""
