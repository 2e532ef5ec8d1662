"""`goncordia demo`: a shop whose orders and jobs commit together, a killed worker, an audit."""
