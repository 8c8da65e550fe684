"""The stack of a site: `pulumi up` brings its part of the cloud to what the files say.

What it holds: `sitekit cloud plan`. Its configuration: `sitekit stack init`.
"""

from sitekit.cloud.program import run

run("site")
