// Asks Prometheus as Grafana's data source does, and makes of the answers what panels take.
import { FieldType, createDataFrame, rangeUtil } from '@grafana/data';

async function get(path, parameters) {
  const answer = await (await fetch(`api/v1/${path}?${new URLSearchParams(parameters)}`)).json();
  if (answer.status !== 'success') {
    throw new Error(`${path} ${JSON.stringify(parameters)}: ${answer.error}`);
  }
  return answer.data;
}

// Seconds between two points of a graph that is so wide, and the variables that depend on it.
export function intervals(range, width, scrape) {
  const step = Math.max(scrape, rangeUtil.calculateInterval(range, width).intervalMs / 1000);
  const text = seconds => `${Math.round(seconds * 1000)}ms`;
  return {
    step,
    variables: {
      __interval: text(step),
      __rate_interval: text(Math.max(step + scrape, 4 * scrape)),
      __range: text((range.to - range.from) / 1000),
    },
  };
}

export async function variableValues(query) {
  const [, selector, label] = /^label_values\((.+), *(\w+)\)$/.exec(query);
  return get(`label/${label}/values`, { 'match[]': selector });
}

const timesOf = points => points.map(([at]) => at * 1000);
const numbersOf = points => points.map(([, text]) => Number(text.replace('Inf', 'Infinity')));

function seriesFrame({ refId, legendFormat }, { metric, value, values }, step) {
  const points = values ?? [value];
  const legend = legendFormat.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label) => metric[label] ?? '');
  return createDataFrame({
    refId,
    name: legend,
    fields: [
      { name: 'Time', type: FieldType.time, config: { interval: step * 1000 }, values: timesOf(points) },
      { name: 'Value', type: FieldType.number, labels: metric, config: { displayNameFromDS: legend }, values: numbersOf(points) },
    ],
  });
}

function tableFrame({ refId }, result, alone) {
  const points = result.map(series => series.value);
  const labels = [...new Set(result.flatMap(series => Object.keys(series.metric)))].sort();
  return createDataFrame({
    refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: timesOf(points) },
      ...labels.map(name => ({ name, type: FieldType.string, values: result.map(series => series.metric[name] ?? '') })),
      { name: alone ? 'Value' : `Value #${refId}`, type: FieldType.number, values: numbersOf(points) },
    ],
  });
}

// The answers to the queries of one panel, with times that are multiples of the step.
export async function framesOf({ targets }, replaceVariables, range, step) {
  const [start, end] = [range.from, range.to].map(t => Math.floor(t / 1000 / step) * step);
  const frames = targets.map(async target => {
    const query = replaceVariables(target.expr);
    const { result } = target.instant
      ? await get('query', { query, time: range.to / 1000 })
      : await get('query_range', { query, start, end, step });
    return target.format === 'table'
      ? tableFrame(target, result, targets.length === 1)
      : result.map(series => seriesFrame(target, series, step));
  });
  return (await Promise.all(frames)).flat();
}
