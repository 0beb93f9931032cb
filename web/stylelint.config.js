export default {
  extends: ['stylelint-config-standard'],
  plugins: ['stylelint-use-logical'],
  // Chromium knows `match-parent` by its old name alone.
  languageOptions: { syntax: { properties: { 'text-align': '| -webkit-match-parent' } } },
  rules: {
    // Nothing says left or right: the page is mirrored by its direction alone.
    'csstools/use-logical': ['always', { except: [/^(width|height|min-width|max-width|min-height|max-height|top|bottom|margin-top|margin-bottom|padding-top|padding-bottom)$/] }],
    'selector-class-pattern': '^[a-z][a-zA-Z0-9]*$',
    'at-rule-no-unknown': [true, { ignoreAtRules: ['mixin', 'define-mixin'] }],
    'media-feature-range-notation': null,
  },
};
