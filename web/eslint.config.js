import { readdirSync } from 'node:fs';
import importX from 'eslint-plugin-import-x';
import hooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

const features = readdirSync('./src/features');

/** Imports go one way: app -> features -> shared -> api. No feature knows another one. */
const zones = [
  { target: './src/api', from: ['./src/app', './src/features', './src/shared'] },
  { target: './src/shared', from: ['./src/app', './src/features'] },
  { target: './src/features', from: './src/app' },
  ...features.map((feature) => ({
    target: `./src/features/${feature}`,
    from: './src/features',
    except: [`./${feature}`],
    message: 'A feature does not import another one: what both need belongs to src/shared.',
  })),
];

export default tseslint.config(
  { ignores: ['dist', 'src/api/schema.d.ts', '*.config.js', 'public', 'scripts/*.mjs'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'import-x': importX, 'react-hooks': hooks },
    settings: { 'import-x/resolver': { typescript: true } },
    rules: {
      ...hooks.configs.recommended.rules,
      'import-x/no-restricted-paths': ['error', { zones }],
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
      '@typescript-eslint/only-throw-error': 'off',
      'no-restricted-imports': [
        'error',
        {
          paths: [
            {
              name: '@mantine/core',
              importNames: ['AppShell', 'Grid', 'SimpleGrid', 'Flex'],
              message: 'It writes a <style> element, which the content security policy refuses: use a CSS module.',
            },
          ],
        },
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: 'JSXAttribute[name.name=/^(hiddenFrom|visibleFrom|dangerouslySetInnerHTML)$/]',
          message: 'It needs an inline <style> or inserts HTML: use a CSS module, or text.',
        },
        {
          selector: 'JSXAttribute[name.name=/^(style|styles)$/] Property[key.name=/^(left|right|(margin|padding|border|inset)(Left|Right).*|border(Top|Bottom)(Left|Right)Radius)$/]',
          message: 'The page is mirrored by its direction alone: use inlineStart and inlineEnd.',
        },
      ],
    },
  },
);
