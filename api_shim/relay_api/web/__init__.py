"""HTTP: the application, its middleware, its routes, and the pages."""
