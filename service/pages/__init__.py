"""The pages at `/ui`: one file a page, and what they share.

Made on the server; one small script keeps what changes by itself up to date. What comes from records is
untrusted: the templates escape all of it, and the policy lets nothing of it run.
"""
