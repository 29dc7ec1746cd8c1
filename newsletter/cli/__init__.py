"""The command line: parse, call the app and the pipeline, print; it knows no stage.

What a command needs of the pipeline is imported when it runs: help and shell completion must not wait for a database
driver or for numpy.
"""
