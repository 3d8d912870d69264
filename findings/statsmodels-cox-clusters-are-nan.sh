#!/usr/bin/env bash
# One subject that leaves before the first event turns every standard error by cluster of a Cox model into nan.
#
# What surprises: PHReg of statsmodels fits a Cox model and, given `groups`, standard errors that respect clusters (homes,
# clinics). A subject that was censored before the first event of its stratum takes part in no comparison; the fit and its
# plain standard errors stand as if it were not there. Its score residual is nan (so the documentation of score_residuals
# says), and the covariance by cluster adds it up: every standard error, p-value and interval is nan, for all features, with
# no exception and no warning. Without those subjects, which change no estimate, all of them are there.
#
# Seen with: statsmodels 0.15.0, numpy 2.4, Python 3.11, Linux, on 2026-11-29; 400 subjects in 200 homes.
# Seen:
#   all fail: 0.0610 plain, 0.0604 by home
#   one leaves before the first event: 0.0610 plain, nan by home
#   that one left out: 0.0610 plain, 0.0603 by home
# Who meets it: whoever fits survival data with late entries, strata or many early losses (appliances, patients, customers)
# and asks for robust errors: nearly every real table has such a row. Leaving those rows out first brings the errors
# back; a pooled logistic model with clusters does not need it.
# Ends with 1 where this is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install statsmodels==0.15.0 numpy==2.4.6 scipy==1.17.1 pandas==3.1.1
"$folder/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
import statsmodels
from statsmodels.duration.hazard_regression import PHReg

warnings.simplefilter("error")
rng = np.random.default_rng(1)
feature, home = rng.normal(size=400), np.arange(400) // 2
time, failed = rng.exponential(100 / np.exp(0.5 * feature)) + 1, np.ones(400, int)
early = time.copy(), failed.copy()
early[0][0], early[1][0] = 0.5, 0


def errors(title, time, failed, keep=slice(None)):
    model = PHReg(time[keep], feature[keep, None], status=failed[keep])
    plain, by_home = (float(fit.bse[0]) for fit in (model.fit(), model.fit(groups=home[keep])))
    print(f"{title}: {plain:.4f} plain, {by_home:.4f} by home")
    return plain, by_home


print("statsmodels", statsmodels.__version__)
assert np.isfinite(errors("all fail", time, failed)).all()
plain, by_home = errors("one leaves before the first event", *early)
assert np.isfinite(plain) and np.isnan(by_home)
assert np.isfinite(errors("that one left out", *early, keep=slice(1, None))).all()
PYTHON
