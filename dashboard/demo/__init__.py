"""The demo pipeline: a real Celery worker that makes, degrades, renders and measures objects.

Nothing outside this package imports it, except the page's "Submit a sample job" control, which
calls `dashboard.demo.submit.submit_sample_job`. It stands in for the GPU pipeline of the contract.
"""
