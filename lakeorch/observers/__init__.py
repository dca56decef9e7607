"""What receives the events of a run: one file each.

    console     a live screen, a row per model; needs a terminal
    lines       one plain line per finished step, for logs and pipes

`text` and `findings` are the formatting that these and the command line share: numbers, tables, carets.
"""
