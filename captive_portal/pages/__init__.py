"""The portal's pages: handlers that parse, call and render; decisions are made elsewhere."""
