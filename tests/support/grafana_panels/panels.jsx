// What Grafana's panel plugins do with its components: an entry in `types` for each type of panel.
import {
  FieldColorModeId, FieldConfigProperty, FieldType, PanelPlugin, ThresholdsMode, VizOrientation, applyFieldOverrides,
  cacheFieldDisplayNames, getDisplayValueAlignmentFactors, getFieldDisplayValues, getPanelOptionsWithDefaults,
  getValueFormats, identityOverrideProcessor, standardFieldConfigEditorRegistry, standardTransformers,
  standardTransformersRegistry, transformDataFrame,
} from '@grafana/data';
import { BigValue, PanelChrome, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { lastValueFrom } from 'rxjs';

const editor = () => null;

const property = (id, defaultValue) => ({
  id, path: id, name: id, defaultValue, editor, override: identityOverrideProcessor,
  process: identityOverrideProcessor, shouldApply: () => true,
});

// As Grafana fills in what a dashboard leaves open: red from 80 up is its rule for any number.
const standardDefaults = {
  thresholds: {
    mode: ThresholdsMode.Absolute,
    steps: [{ value: -Infinity, color: 'green' }, { value: 80, color: 'red' }],
  },
  color: { mode: FieldColorModeId.Thresholds },
  mappings: [],
};

standardFieldConfigEditorRegistry.setInit(() =>
  Object.values(FieldConfigProperty).map(id => property(id, standardDefaults[id])));

// One of them has two names there.
const transformers = new Map(Object.values(standardTransformers).map(t => [t.id, t]));
standardTransformersRegistry.setInit(() => [...transformers.values()].map(t =>
  ({ id: t.id, name: t.name, transformation: async () => t, editor })));

// A plugin of the given options, and properties of fields (custom.NAME) with their defaults.
function plugin(options, custom = {}, standardOptions = {}) {
  return new PanelPlugin(() => null)
    .useFieldConfig({
      standardOptions,
      useCustomConfig: builder =>
        Object.entries(custom).forEach(([id, value]) => builder.addCustomEditor(property(id, value))),
    })
    .setPanelOptions(builder => Object.entries(options).forEach(([path, defaultValue]) =>
      builder.addCustomEditor({ id: path, path, name: path, defaultValue, editor })));
}

// A gap where there is no number, such as in a quotient of zeros.
const graphable = frame => ({
  ...frame,
  fields: frame.fields.map(field => field.type !== FieldType.number ? field
    : { ...field, values: field.values.map(v => Number.isFinite(v) ? v : null) }),
});

function Stat(props) {
  const { options, frames, theme } = props;
  return <VizRepeater {...props} autoGrid source={frames} renderCounter={0} orientation={VizOrientation.Auto}
    getValues={() => getFieldDisplayValues({ ...props, data: frames, reduceOptions: options.reduceOptions })}
    getAlignmentFactors={getDisplayValueAlignmentFactors}
    renderValue={({ value, ...place }) => <BigValue {...options} {...place} value={value.display} theme={theme} />} />;
}

const types = {
  timeseries: {
    draw: props => <TimeSeries {...props} frames={props.frames.map(graphable)} legend={props.options.legend} />,
    plugin: plugin({ legend: { showLegend: true, displayMode: 'list', placement: 'bottom', calcs: [] }, tooltip: {} }, {
      drawStyle: 'line', lineInterpolation: 'linear', lineWidth: 1, lineStyle: undefined, fillOpacity: 0,
      gradientMode: 'none', showPoints: 'auto', pointSize: 5, spanNulls: false, insertNulls: false,
      stacking: { mode: 'none', group: 'A' }, thresholdsStyle: { mode: 'off' }, scaleDistribution: { type: 'linear' },
      axisPlacement: 'auto', axisLabel: '', axisColorMode: 'text', axisBorderShow: false, axisGridShow: undefined,
      axisCenteredZero: false, axisSoftMin: undefined, axisSoftMax: undefined,
      hideFrom: { tooltip: false, viz: false, legend: false },
    }, { color: { defaultValue: { mode: FieldColorModeId.PaletteClassic } } }),
  },
  stat: {
    draw: Stat,
    plugin: plugin({
      reduceOptions: { values: false, calcs: ['lastNotNull'], fields: '' }, textMode: 'auto', colorMode: 'value',
      graphMode: 'area', justifyMode: 'auto',
    }),
  },
  table: {
    draw: props => <TableNG {...props} data={props.frames[0]} noHeader={!props.options.showHeader} />,
    plugin: plugin({ showHeader: true, cellHeight: 'sm' }, {
      align: 'auto', cellOptions: { type: 'auto' }, inspect: false, filterable: undefined, width: undefined,
      minWidth: undefined,
    }),
  },
};

// Units, properties and transformations that Grafana has not: it would leave them out without a word.
function unknownIn({ fieldConfig: { defaults, overrides }, transformations = [] }, registry) {
  const { custom = {}, ...standard } = defaults;
  const properties = [
    ...Object.entries(standard).map(([id, value]) => ({ id, value })),
    ...Object.entries(custom).map(([id, value]) => ({ id: `custom.${id}`, value })),
    ...overrides.flatMap(rule => rule.properties),
  ];
  const units = new Set(getValueFormats().flatMap(group => group.submenu).map(format => format.value));
  return [
    ...properties.filter(({ id }) => !registry.getIfExists(id)).map(({ id }) => id),
    ...properties.filter(({ id, value }) => id === 'unit' && !units.has(value)).map(({ value }) => value),
    ...transformations.map(({ id }) => id).filter(id => !transformers.has(id)),
  ];
}

// A panel of the dashboard, with its data, ready for `Panel`.
export async function prepare(panel, frames, { theme, timeRange, replaceVariables }) {
  const type = types[panel.type];
  if (!type) {
    throw new Error(`${panel.title}: unknown type ${panel.type}`);
  }
  const registry = type.plugin.fieldConfigRegistry;
  const unknown = unknownIn(panel, registry);
  if (unknown.length) {
    throw new Error(`${panel.title}: unknown ${unknown.join(', ')}`);
  }
  const { options, fieldConfig } = getPanelOptionsWithDefaults({
    plugin: type.plugin, currentOptions: panel.options, currentFieldConfig: panel.fieldConfig, isAfterPluginChange: false,
  });
  const shared = { fieldConfig, replaceVariables, theme, timeZone: 'utc' };
  const data = await lastValueFrom(
    transformDataFrame(panel.transformations ?? [], frames, { interpolate: replaceVariables }));
  const drawn = applyFieldOverrides({ ...shared, data, fieldConfigRegistry: registry });
  cacheFieldDisplayNames(drawn);
  return { panel, draw: type.draw, props: { ...shared, options, timeRange, frames: drawn } };
}

export function Panel({ ready: { panel, draw: Draw, props }, width, height }) {
  return <PanelChrome title={panel.title} description={panel.description} width={width} height={height}>
    {(innerWidth, innerHeight) => props.frames.some(frame => frame.length)
      ? <Draw {...props} width={innerWidth} height={innerHeight} /> : 'No data'}
  </PanelChrome>;
}
