"""Pure functions of arrays: noise, quadrature, quantiles, resampling, series, repeated looks."""
