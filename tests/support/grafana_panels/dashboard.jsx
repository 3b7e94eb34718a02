// Draws the dashboard ./dashboard.json from the Prometheus behind ./api/v1. The page's parameters are
// Grafana's: from, to, var-NAME; and scrape, the scrape interval of the data source in seconds.
// data-state of the body says when all panels are mounted, or what went wrong.
import { createTheme, dateMath, dateTime } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { GlobalStyles, ThemeContext } from '@grafana/ui';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';
import { Panel, prepare } from './panels';
import { framesOf, intervals, variableValues } from './prometheus';

// Grafana's grid: 24 columns, rows of 30 pixels.
const columns = 24;
const rowHeight = 30;
const gap = 8;
const pixels = (cells, unit) => cells * (unit + gap) - gap;

const theme = createTheme({ colors: { mode: 'light' } });

const literal = text => text.replace(/[\\^$*+?.()|[\]{}]/g, '\\\\$&');

// What the dashboard's variables stand for in queries.
async function variablesOf(board, asked) {
  const values = {};
  for (const { name, type, query, allValue } of board.templating.list) {
    if (type === 'datasource') {
      values[name] = query;
    } else if (type === 'query') {
      const known = await variableValues(query.query);
      const picked = asked.getAll(`var-${name}`).filter(value => known.includes(value));
      values[name] = picked.length ? `(${picked.map(literal).join('|')})` : allValue;
    } else {
      throw new Error(`variable ${name}: unknown type ${type}`);
    }
  }
  return values;
}

const replacer = values => text => text.replace(/\$\{(\w+)\}|\$(\w+)/g, (whole, braced, plain) => {
  const value = values[braced ?? plain];
  if (value === undefined) {
    throw new Error(`unknown variable ${whole}`);
  }
  return value;
});

function timeRangeOf(board, asked) {
  const from = asked.get('from') ?? board.time.from;
  const to = asked.get('to') ?? board.time.to;
  return { from: dateTime(dateMath.parse(from)), to: dateTime(dateMath.parse(to)), raw: { from, to } };
}

async function load(asked, column) {
  const board = await (await fetch('dashboard.json')).json();
  const timeRange = timeRangeOf(board, asked);
  const variables = await variablesOf(board, asked);
  const prepared = board.panels.filter(p => p.type !== 'row').map(async panel => {
    const spacing = intervals(timeRange, pixels(panel.gridPos.w, column), Number(asked.get('scrape') ?? 15));
    const replaceVariables = replacer({ ...variables, ...spacing.variables });
    const frames = await framesOf(panel, replaceVariables, timeRange, spacing.step);
    return prepare(panel, frames, { replaceVariables, timeRange, theme });
  });
  return { board, panels: await Promise.all(prepared) };
}

function Dashboard({ board, panels, column }) {
  const place = ({ x, y, w, h }) => ({
    position: 'absolute', left: x * (column + gap), top: y * (rowHeight + gap),
    width: pixels(w, column), height: pixels(h, rowHeight),
  });
  return <>
    <h1 style={{ margin: gap }}>{board.title}</h1>
    <main style={{ position: 'relative', marginLeft: gap }}>
      {board.panels.filter(p => p.type === 'row').map(row =>
        <h2 key={row.id} style={place(row.gridPos)}>{row.title}</h2>)}
      {panels.map(ready => ({ ready, style: place(ready.panel.gridPos) })).map(({ ready, style }) =>
        <div key={ready.panel.id} data-panel={ready.panel.title} style={style}>
          <Panel ready={ready} width={style.width} height={style.height} />
        </div>)}
    </main>
  </>;
}

async function show() {
  await initPluginTranslations('dashboard');
  const root = createRoot(document.getElementById('dashboard'));
  const render = content => flushSync(() => root.render(<ThemeContext.Provider value={theme}>
    <GlobalStyles />
    {content}
  </ThemeContext.Provider>));
  render(null);
  await document.fonts.load(`14px ${theme.typography.fontFamily}`); // graphs measure their texts once
  const column = (document.documentElement.clientWidth - gap) / columns - gap;
  const loaded = await load(new URLSearchParams(window.location.search), column);
  render(<Dashboard {...loaded} column={column} />);
}

show().then(() => { document.body.dataset.state = 'mounted'; }, error => {
  document.body.dataset.state = error.message;
  throw error;
});
