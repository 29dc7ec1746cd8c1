// node mjml.mjs definitions      : npm mjml's own elements, as JSON
// node mjml.mjs validate < JSON  : a list of MJML sources to a list of the faults of each, in strict mode
import { createRequire } from 'module'
import { readFileSync } from 'fs'

const require = createRequire(process.env.JUDGES + '/')

if (process.argv[2] === 'definitions') {
  const loaded = require('mjml-preset-core')
  const preset = loaded.default || loaded
  const components = {}
  for (const component of preset.components) {
    components[component.componentName] = {
      attributes: component.allowedAttributes || {},
      html: Boolean(component.endingTag),
      children: preset.dependencies[component.componentName] || [],
    }
  }
  console.log(JSON.stringify({ components, mjml: preset.dependencies.mjml }))
} else {
  const loaded = require('mjml')
  const mjml = loaded.default || loaded
  const answers = []
  for (const source of JSON.parse(readFileSync(0, 'utf8'))) {
    try {
      const made = await mjml(source, { validationLevel: 'soft', ignoreIncludes: true })
      answers.push({ html: made.html, faults: made.errors.map((error) => ({ line: error.line, tag: error.tagName, message: error.message })) })
    } catch (error) {
      answers.push({ html: '', faults: [{ line: 0, tag: '', message: String(error.message) }] })
    }
  }
  console.log(JSON.stringify(answers))
}
