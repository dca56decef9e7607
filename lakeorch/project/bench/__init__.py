"""Benchmarks of a project: what models and whole runs take, on which engine, against which version, since when.

`running` puts it together: `ground` is what each side reads, `turns` takes the times with a `worker` for each, and
`answers` compares the rows. What came out is a `result`; `baseline` holds it against a saved one, `text` and `page`
show it. Nothing is imported here: the worker's own memory is part of what is measured.
"""
