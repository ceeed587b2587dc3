"""The tables that grow with the price rows, in the order of building, and the columns whose sums must agree."""

CHECKED = {
    "core.prices": ["close_adjusted", "close_total_return", "close_unadjusted", "coverage"],
    "core.restatements": ["old_value", "new_value"],
    "core.session_closes": ["close"],
    "core.returns": ["log_return"],
    "core.market_caps": ["market_cap_usd"],
    "core.benchmark_pairs": ["session_number", "base_return", "other_return"],
    "core.alternative_correlations": ["correlation", "n"],
    "marts.drawdowns": ["peak_close", "drawdown", "drawdown_intraday"],
    "marts.drawdown_episodes": ["depth", "depth_intraday", "days_to_valley", "days_to_recovery", "n_obs"],
    "marts.correlations": ["correlation", "ci_low", "ci_high", "n"],
    "marts.lead_lag_correlations": ["correlation", "ci_low", "ci_high", "n"],
    "marts.correlation_regimes": ["mean_correlation", "n_sessions"],
    "marts.stress_correlations": ["correlation_calm", "correlation_stress_corrected", "n_stress"],
}
