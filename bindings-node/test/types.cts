// The same types for CommonJS.

import sandgate = require('sandgate')

export const policy: sandgate.Policy = new sandgate.Policy({ denyIn: [sandgate.ALL_TRAFFIC] })
export const verdict: sandgate.Verdict = policy.decideIngress(null, 443).verdict
// @ts-expect-error a misspelt field
new sandgate.Policy({ denyin: [] })
