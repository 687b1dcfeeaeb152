// SPDX-License-Identifier: Apache-2.0
// Vectors.java: tables of format version 3 as Iceberg's own library for Java writes them: deletion vectors, default values,
// types that are new. Data files are those of vectors.py, in the folder that the first argument names; the second is the catalog.
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import org.apache.iceberg.*;
import org.apache.iceberg.catalog.Namespace;
import org.apache.iceberg.catalog.TableIdentifier;
import org.apache.iceberg.deletes.BaseDVFileWriter;
import org.apache.iceberg.deletes.Deletes;
import org.apache.iceberg.deletes.PositionDeleteIndex;
import org.apache.iceberg.expressions.Expressions;
import org.apache.iceberg.io.CloseableIterable;
import org.apache.iceberg.io.OutputFileFactory;
import org.apache.iceberg.rest.RESTCatalog;
import org.apache.iceberg.types.Types;
import static org.apache.iceberg.types.Types.NestedField.optional;

public class Vectors {
    static RESTCatalog catalog = new RESTCatalog();
    static String folder;

    static Table make(String name, int version, PartitionSpec spec, Types.NestedField... fields) {
        return catalog.buildTable(TableIdentifier.of("shop", name), new Schema(fields)).withPartitionSpec(spec)
            .withProperty("format-version", "" + version).create();
    }

    static DataFile data(Table t, String name, long rows, String partition) {
        DataFiles.Builder b = DataFiles.builder(t.spec()).withPath("file://" + folder + "/" + name).withRecordCount(rows)
            .withFormat(FileFormat.PARQUET).withFileSizeInBytes(new java.io.File(folder, name).length());
        return (partition == null ? b : b.withPartitionPath(partition)).build();
    }

    interface Fill { void fill(PositionDeleteIndex into, int file); }

    /** Vectors for these files, all in one Puffin file. */
    static List<DeleteFile> vectors(Table t, Fill fill, DataFile... files) throws Exception {
        OutputFileFactory out = OutputFileFactory.builderFor(t, 1, System.nanoTime()).format(FileFormat.PUFFIN).build();
        BaseDVFileWriter writer = new BaseDVFileWriter(out, path -> null);
        try (writer) {
            for (int i = 0; i < files.length; i++) {
                PositionDeleteIndex rows = Deletes.toPositionIndex(CloseableIterable.withNoopClose(List.<Long>of()));
                fill.fill(rows, i);
                writer.delete(files[i].location(), rows, t.spec(), files[i].partition());
            }
        }
        return writer.result().deleteFiles();
    }

    static PositionDeleteIndex some(PositionDeleteIndex rows) {
        rows.delete(0);
        rows.delete(5);
        rows.delete(70000, 72001); // a run
        for (long i = 131072; i < 151072; i += 2)
            rows.delete(i); // a bitmap
        return rows;
    }

    static void vectorTable() throws Exception {
        Table t = make("vectors", 2, PartitionSpec.unpartitioned(), optional(1, "id", Types.LongType.get()));
        DataFile big = data(t, "big.parquet", 200000, null), small = data(t, "small.parquet", 10, null);
        t.newFastAppend().appendFile(big).appendFile(small).commit();
        t.newRowDelta().addDeletes(FileMetadata.deleteFileBuilder(t.spec()).ofPositionDeletes().withPath("file://" + folder + "/places.parquet")
            .withFormat(FileFormat.PARQUET).withRecordCount(1).withFileSizeInBytes(new java.io.File(folder, "places.parquet").length()).build()).commit();
        t.updateProperties().set("format-version", "3").commit();
        List<DeleteFile> first = vectors(t, (rows, i) -> some(rows), big);
        RowDelta delta = t.newRowDelta();
        first.forEach(delta::addDeletes);
        delta.commit();
        List<DeleteFile> second = vectors(t, (rows, i) -> some(rows).delete(199999), big);
        RowDelta next = t.newRowDelta().validateFromSnapshot(t.currentSnapshot().snapshotId());
        second.forEach(next::addDeletes);
        first.forEach(next::removeDeletes);
        next.commit();
        t.newFastAppend().appendFile(data(t, "more.parquet", 3, null)).commit();
    }

    static void parts() throws Exception {
        Schema schema = new Schema(optional(1, "id", Types.LongType.get()), optional(2, "region", Types.StringType.get()));
        PartitionSpec spec = PartitionSpec.builderFor(schema).identity("region").build();
        Table t = make("vparts", 3, spec, schema.columns().toArray(new Types.NestedField[0]));
        DataFile eu = data(t, "eu.parquet", 10, "region=eu"), us = data(t, "us.parquet", 10, "region=us");
        t.newFastAppend().appendFile(eu).appendFile(us).commit();
        RowDelta delta = t.newRowDelta();
        vectors(t, (rows, i) -> rows.delete(i == 0 ? 1 : 8), eu, us).forEach(delta::addDeletes);
        delta.commit();
    }

    static void defaults() {
        Table t = make("defaults", 3, PartitionSpec.unpartitioned(), optional(1, "id", Types.LongType.get()),
            optional(2, "s", Types.StructType.of(optional(3, "x", Types.LongType.get()))));
        t.newFastAppend().appendFile(data(t, "old.parquet", 2, null)).commit();
        t.updateSchema().addColumn("b", Types.BooleanType.get(), Expressions.lit(true))
            .addColumn("i", Types.IntegerType.get(), Expressions.lit(-7)).addColumn("l", Types.LongType.get(), Expressions.lit(1L << 40))
            .addColumn("f", Types.FloatType.get(), Expressions.lit(0.5f)).addColumn("d", Types.DoubleType.get(), Expressions.lit(1e300))
            .addColumn("e", Types.DecimalType.of(9, 2), Expressions.lit(new BigDecimal("-14.20")))
            .addColumn("day", Types.DateType.get(), Expressions.lit("1969-12-31").to(Types.DateType.get()))
            .addColumn("t", Types.TimeType.get(), Expressions.lit("22:31:08.123456").to(Types.TimeType.get()))
            .addColumn("ts", Types.TimestampType.withoutZone(), Expressions.lit("1969-12-31T23:59:59.5").to(Types.TimestampType.withoutZone()))
            .addColumn("tz", Types.TimestampType.withZone(), Expressions.lit("2026-01-02T03:04:05.123456+00:00").to(Types.TimestampType.withZone()))
            .addColumn("v", Types.StringType.get(), Expressions.lit("é\"x"))
            .addColumn("u", Types.UUIDType.get(), Expressions.lit(java.util.UUID.fromString("12151fd2-7586-11e9-8f9e-2a86e4085a59")))
            .addColumn("x", Types.BinaryType.get(), Expressions.lit(ByteBuffer.wrap("bytes".getBytes())))
            .addColumn("none", Types.LongType.get()).addColumn("s", "y", Types.StringType.get(), Expressions.lit("in")).commit();
        t.newFastAppend().appendFile(data(t, "new.parquet", 1, null)).commit();
    }

    static void kinds() {
        Table t = make("kinds", 3, PartitionSpec.unpartitioned(), optional(1, "id", Types.LongType.get()),
            optional(2, "any", Types.VariantType.get()), optional(3, "where", Types.GeometryType.crs84()),
            optional(4, "never", Types.UnknownType.get()), optional(5, "n", Types.TimestampNanoType.withoutZone()));
        t.newFastAppend().appendFile(data(t, "kinds.parquet", 1, null)).commit();
    }

    public static void main(String[] args) throws Exception {
        folder = args[0];
        catalog.initialize("r", Map.of("uri", args[1], "io-impl", "org.apache.iceberg.hadoop.HadoopFileIO"));
        if (!catalog.namespaceExists(Namespace.of("shop")))
            catalog.createNamespace(Namespace.of("shop"));
        vectorTable();
        parts();
        defaults();
        kinds();
        catalog.close();
    }
}
