// node html.mjs < JSON : a list of HTML documents to what html-validate and doiuse-email say of each
import { createRequire } from 'module'
import { readFileSync } from 'fs'

const require = createRequire(process.env.JUDGES + '/')
const { HtmlValidate, StaticConfigLoader } = require('html-validate')
const { doIUseEmail } = await import(process.env.JUDGES + '/node_modules/doiuse-email/index.js')

// What is right on a page and cannot be in a mail, or the other way round.
const mail = {
  'attribute-boolean-style': 'off',
  'attribute-empty-style': 'off',
  'attr-quotes': 'off',
  'doctype-style': 'off',
  'long-title': 'off',
  'no-conditional-comment': 'off',
  'no-deprecated-attr': 'off',
  'no-implicit-button-type': 'off',
  'no-inline-style': 'off',
  'no-redundant-role': 'off',
  'no-trailing-whitespace': 'off',
  'no-unknown-elements': 'off',
  'prefer-native-element': 'off',
  'prefer-tbody': 'off',
  'tel-non-breaking': 'off',
  'unrecognized-char-ref': 'error',
  'void-style': 'off',
}
const validator = new HtmlValidate(new StaticConfigLoader({ extends: ['html-validate:recommended'], rules: mail }))

const features = (found) => [...new Set((found || []).map((each) => (each.match(/`(.*?)`/) || [])[1]).filter(Boolean))].sort()

const answers = []
for (const html of JSON.parse(readFileSync(0, 'utf8'))) {
  const report = await validator.validateString(html)
  const faults = report.results.flatMap((result) => result.messages.map((each) => `${each.line}: ${each.ruleId}: ${each.message}`))
  const used = doIUseEmail(html, { emailClients: ['*'] })
  answers.push({ faults, unsupported: features(used.errors) })
}
console.log(JSON.stringify(answers))
