"""The guardrails as a policy pack: `pulumi preview --policy-pack ../policy`."""

from sitekit.cloud.policies import pack

pack()
