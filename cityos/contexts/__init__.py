"""@contexts: what a request says as @context becomes names and IRIs, wherever its documents lie (clause 5.13)."""
