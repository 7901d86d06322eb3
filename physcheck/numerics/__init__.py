"""Pure functions of arrays: noise, steps, quadrature, quantiles, resampling."""
