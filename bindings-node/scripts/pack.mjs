// Packs the package and the binaries that were built, as a release would publish them.
//
//     node scripts/pack.mjs FOLDER     tarballs of this package and of each platform, into FOLDER
//
// A release workflow puts the binary of every target beside `package.json` first; each that is
// there becomes a package of its own, and all of `napi.targets` become optional dependencies.

import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** The names that `@napi-rs/cli` gives the targets. */
const PLATFORMS = {
  'x86_64-unknown-linux-gnu': 'linux-x64-gnu',
  'x86_64-unknown-linux-musl': 'linux-x64-musl',
  'aarch64-unknown-linux-gnu': 'linux-arm64-gnu',
  'aarch64-unknown-linux-musl': 'linux-arm64-musl',
  'x86_64-apple-darwin': 'darwin-x64',
  'aarch64-apple-darwin': 'darwin-arm64',
  'x86_64-pc-windows-msvc': 'win32-x64-msvc',
}

const source = resolve(import.meta.dirname, '..')
const folder = resolve(process.argv[2])
const manifest = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'))
const { binaryName, packageName } = manifest.napi

const pack = (from) =>
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: from, stdio: ['ignore', 'inherit', 'inherit'] })
const copy = (names, to) => {
  for (const name of names) cpSync(join(source, name), join(to, name), { dereference: true })
}
const writeManifest = (to, description) =>
  writeFileSync(join(to, 'package.json'), JSON.stringify(description, null, 2) + '\n')
const licences = ['LICENSE-MIT', 'LICENSE-APACHE']

// What is published has neither the development dependencies nor the scripts.
const { devDependencies, scripts, ...published } = manifest
const optionalDependencies = Object.fromEntries(
  manifest.napi.targets.map((target) => [`${packageName}-${PLATFORMS[target]}`, manifest.version]),
)
const staged = join(folder, 'package')
rmSync(folder, { recursive: true, force: true })
mkdirSync(staged, { recursive: true })
copy([...manifest.files, 'README.md'], staged)
writeManifest(staged, { ...published, optionalDependencies })
pack(staged)

execFileSync(join(source, 'node_modules/.bin/napi'), ['create-npm-dirs', '--cwd', staged], { stdio: ['ignore', 'ignore', 'inherit'] })
for (const platform of Object.values(PLATFORMS)) {
  const binary = `${binaryName}.${platform}.node`
  if (!existsSync(join(source, binary))) continue
  const to = join(staged, 'npm', platform)
  copy([binary, ...licences], to)
  const description = JSON.parse(readFileSync(join(to, 'package.json'), 'utf8'))
  writeManifest(to, { ...description, files: [...description.files, ...licences] })
  pack(to)
}
