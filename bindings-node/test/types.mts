// What type checkers must accept and refuse. Compiled with `tsc --strict`, never run.

import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { IncomingMessage } from 'node:http'
import {
  ALL_TRAFFIC,
  ClientAddress,
  type Code,
  type Decision,
  type Difference,
  type Explanation,
  HostMask,
  type NetworkConfig,
  type NetworkUpdate,
  Policy,
  PolicyError,
  type Reason,
  type Repair,
  type Repaired,
  applyUpdate,
  check,
  diff,
  equivalent,
  fromInternalHeader,
  networkConfigSchema,
  networkUpdateSchema,
  repairJson,
  tightens,
  widening,
} from 'sandgate'

const policy: Policy = new Policy({ allowIn: ['203.0.113.0/24:443'], denyIn: [ALL_TRAFFIC] } as const)
const allowed: boolean = policy.allowsIngress(undefined, 443) && policy.allowsEgress('192.0.2.1', 443)
const decision: Decision = policy.decideEgress({ address: '192.0.2.1', port: 443, sni: null })
const reason: Reason = decision.reason
const answers: Uint8Array = policy.allowsIngressMany(new Uint32Array(1), new Uint16Array(1))
policy.allowsIngressMany(['192.0.2.1', null], 443)
const bare = new Policy({}, { guardrails: 'none', limits: { diagnostics: 3 } })
const update: NetworkUpdate = { denyOut: null }
const config: NetworkConfig = applyUpdate(policy.config, update)

// A code is one of those that exist, and a verdict is exhausted by three cases.
const codes: Code[] = check(JSON.parse('{}')).errors.map(({ code }) => code)
function act({ verdict, name }: Decision): string | undefined {
  switch (verdict) {
    case 'allow':
    case 'deny':
      return verdict
    case 'allow-by-name':
      return name
    default: {
      const never: never = verdict
      return never
    }
  }
}

try {
  policy.save()
} catch (error) {
  if (error instanceof PolicyError) error.diagnostics.map(({ path, span }) => [path, span?.[0]])
}

declare const request: IncomingMessage
const client: string | null = ClientAddress.trustedHops(1).derive(request.socket.remoteAddress, request.headers)
fromInternalHeader(new Headers())
fromInternalHeader(['192.0.2.1'])

const schema: StandardSchemaV1<NetworkConfig> = networkConfigSchema
const updates: StandardSchemaV1<NetworkUpdate> = networkUpdateSchema.with({ egressPorts: true })
type Output = StandardSchemaV1.InferOutput<typeof networkConfigSchema>
const output: Output = { denyIn: [ALL_TRAFFIC] }

const explanations: readonly Explanation[] = [
  policy.explainIngress(null, 443),
  policy.explainEgress({ address: '192.0.2.1', port: 443, host: 'a.example' }),
]
const differences: readonly Difference[] = [diff(policy, bare), widening(policy, bare)]
const compared: readonly boolean[] = [tightens(policy, bare), equivalent(policy, bare)]

const repaired: Repaired = repairJson('{}', { hostBits: 'network', minimize: true, egressPorts: true })
const done: readonly Repair[] = repaired.repairs
const texts: readonly (string | null)[] = [repaired.text, ...done.flatMap(({ list, before, after, reasons }) => [list, before, after, ...reasons])]
const left: readonly Code[] = [...repaired.report.errors, ...repaired.report.warnings].map(({ code }) => code)

// @ts-expect-error a misspelt field
new Policy({ denyin: [] })
// @ts-expect-error snake case is not the wire
new Policy({ deny_in: [] })
// @ts-expect-error a list of texts
new Policy({ denyIn: [1] })
// @ts-expect-error a list, not a text
new Policy({ denyIn: '0.0.0.0/0' })
// @ts-expect-error a document is there
new Policy()
// @ts-expect-error guardrails are a document, or none by name
new Policy({}, { guardrails: 'default' })
// @ts-expect-error a misspelt option
new Policy({}, { egressPort: true })
// @ts-expect-error a port is a number
policy.allowsIngress('192.0.2.1', '443')
// @ts-expect-error a port is there
policy.allowsIngress('192.0.2.1')
// @ts-expect-error an egress address is known
policy.allowsEgress(null, 443)
// @ts-expect-error the boolean question takes no name
policy.allowsEgress('192.0.2.1', 443, 'api.example.com')
// @ts-expect-error a misspelt name
policy.decideEgress({ address: '192.0.2.1', port: 443, hostname: 'api.example.com' })
// @ts-expect-error ports of 16 bits
policy.allowsIngressMany(new Uint32Array(1), new Uint32Array(1))
// @ts-expect-error a policy cannot change
policy.config = {}
// @ts-expect-error trust has to be chosen
new ClientAddress()
// @ts-expect-error an update cannot say this
applyUpdate({}, { allowPublicTraffic: true } satisfies NetworkUpdate)
// @ts-expect-error there is no such reason
const unknown: Reason = 'because'
// @ts-expect-error only policies are compared
diff(policy, {})
// @ts-expect-error two of them
tightens(policy)
// @ts-expect-error an explanation is frozen
policy.explainIngress(null, 443).flips.push()
// @ts-expect-error and so is a difference
diff(policy, bare).changes = []
// @ts-expect-error a difference is no yes or no
const same: boolean = widening(policy, bare)
// @ts-expect-error only text is repaired
repairJson({})
// @ts-expect-error there is no such meaning
repairJson('{}', { hostBits: 'host' })
// @ts-expect-error only a repair takes it
check({}, { minimize: true })
// @ts-expect-error what is repaired is frozen
repaired.text = '{}'
// @ts-expect-error with all that is in it
repaired.report.errors.push()
// @ts-expect-error an entry that was removed stands nowhere
const after: string = done[0]!.after
// @ts-expect-error errors come from the core
new PolicyError()

export { act, after, allowed, answers, bare, client, codes, compared, config, differences, explanations, left, output, reason, same, schema, texts, unknown, updates }
export const mask: string = new HostMask('app-${PORT}.example.com').masked(8080)
