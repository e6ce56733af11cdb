// The same package for `import`: one instance of everything, whichever way it is loaded.
import sandgate from './index.cjs'

export const {
  ALL_TRAFFIC,
  INTERNAL_HEADER,
  ClientAddress,
  HostMask,
  Policy,
  PolicyError,
  applyUpdate,
  canonicalEntry,
  check,
  checkGuardrails,
  checkJson,
  checkUpdate,
  checkUpdateJson,
  diff,
  equivalent,
  fromInternalHeader,
  networkConfigSchema,
  networkUpdateSchema,
  repairJson,
  tightens,
  widening,
} = sandgate
