"""Looking for good parameters, and doubting what was found.

Pure: points are proposed, whoever calls says what each scores, on however many processes. The
author's command and a job on the platform share all of it.
"""
